"""Measuring what promotions did at the shelf: pure functions over weeks of sell-out.

`regression` estimates what would have been sold anyway, `lift` how sure a difference is. The statistical baselines,
the sharing between promotions and every sum are set-based and live in dbt (intelligence, planning, analytics); what is
read and written is in `include/warehouse/measurement.py`, the order of it in `include/flows/measure.py`.
"""
