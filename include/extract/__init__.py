"""Extract: from source systems to landing tables, with every refused row named.

    contracts       the canonical entities as rows of data
    manifest        systems and their streams; `systems/` holds one module per system
    landing         the tables the streams land in
    files           a folder: which file belongs to which contract; delimited, spreadsheet, columnar read them
    soql            reads Salesforce objects completely or says that it could not
    rows, parse,    what readers hand over, one cell as its type, the rules one row can break
    check
    set_rules       duplicates, orphans, cycles, overlaps: in the database, over one file
    load            one file or stream in one transaction, conserved in rows and money
    pos_facts       delivered POS rows into monthly partitions
    generate        what follows from the contracts: dbt models, templates, docs

`include/flows/extract.py` runs it for a tenant.
"""
