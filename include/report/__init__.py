"""What people open: the forecast's workbook and PDF, the deduction queue. Same figures in, same bytes out.

`forecast_report` holds what a report is made of; `workbook` writes the xlsx, `charts` draws, `pdf` lays out
the pages; `queue` writes the deduction work queue, `statements` the financial
statements, `audit_index` the index of the year-end trade audit.
"""
