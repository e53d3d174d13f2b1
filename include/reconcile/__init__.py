"""Trade-spend engine: pure functions over frozen values, no database, clock or Airflow.

- records: what goes in and what comes out; outcomes: every ending of a claim; rules: what finance may change
- hierarchy, candidates, score, weigh, decide: which promotion a claim belongs to
- posting_days: on which day something is posted
- settle, accrue, release, duplicates: the rules about amounts
- approvals, transitions, plans, funds: what may become a liability, and of which plan
- journal, ledger, books, evidence: double entry, balances, bookings, the snapshot chain
- desk, claims, repayments, vouchers: one claim from question to ending
- decision_records, controls, actions, decisions: what people decide, and who may
- engine: all of it in a fixed order, step by step; measures: figures finance asks for
"""
