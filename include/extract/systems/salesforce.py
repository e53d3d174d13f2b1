"""Salesforce: accounts, users, opportunities and their history, by SystemModstamp, deletions included.

Standard fields by their API names in the Object Reference; custom fields (`__c`) and `CurrencyIsoCode` are read
where the org has them and stay null elsewhere. `probability` stays in percent here, as Salesforce states it:
the staging model divides.
"""

from __future__ import annotations

from include.extract.contracts import Column
from include.extract.manifest import Stream, System


def _stream(
    name: str,
    fields: dict[str, tuple[str, str]],
    *,
    contract: str,
    contract_key: dict[str, tuple[str, ...]],
    amount: str | None = None,
    remote: str | None = None,
    minimum_rows: int = 1,
) -> Stream:
    """`fields`: API name -> (column, type); Id, SystemModstamp and IsDeleted belong to every stream."""
    everywhere = {
        "Id": ("id", "text"),
        **fields,
        "CurrencyIsoCode": ("currency_iso_code", "currency"),
        "CreatedDate": ("created_date", "timestamp"),
        "SystemModstamp": ("system_modstamp", "timestamp"),
    }
    columns = tuple(
        Column(column, type, required=api in ("Id", "SystemModstamp"), key=api == "Id")
        for api, (column, type) in everywhere.items()
    )
    return Stream(
        name=name,
        columns=columns,
        key=("id",),
        contract=contract,
        contract_key=contract_key,
        remote=remote or name.capitalize(),
        source={column: api for api, (column, _) in everywhere.items()},
        optional=tuple(
            column
            for api, (column, _) in everywhere.items()
            if api.endswith("__c") or api == "CurrencyIsoCode"
        ),
        cursor="system_modstamp",
        minimum_rows=minimum_rows,
        amount=amount,
    )


SYSTEM = System(
    name="salesforce",
    title="Salesforce",
    conn_id="salesforce_default",
    schedule="0 2 * * *",
    reader="include.flows.extract:extract_salesforce",
    streams=(
        _stream(
            "account",
            {
                "Name": ("name", "text"),
                "Industry": ("industry", "text"),
                "AnnualRevenue": ("annual_revenue", "money"),
                "NumberOfEmployees": ("number_of_employees", "integer"),
                "BillingCountry": ("billing_country", "text"),
                "Type": ("type", "text"),
                "OwnerId": ("owner_id", "text"),
                "ParentId": ("parent_id", "text"),
                "LastModifiedDate": ("last_modified_date", "timestamp"),
                "Customer_Key__c": ("customer_key", "text"),
                "Region__c": ("region", "text"),
            },
            contract="accounts",
            contract_key={"account_key": ("id",)},
        ),
        _stream(
            "user",
            {
                "Name": ("name", "text"),
                "Email": ("email", "text"),
                "Title": ("title", "text"),
                "Department": ("department", "text"),
                "EmployeeNumber": ("employee_number", "text"),
                "ManagerId": ("manager_id", "text"),
                "IsActive": ("is_active", "boolean"),
                "Rep_Key__c": ("rep_key", "text"),
                "Role__c": ("role", "text"),
                "Region__c": ("region", "text"),
                "Hire_Date__c": ("hire_date", "date"),
            },
            contract="sales_reps",
            # What the SPM system calls the rep: its own key where the org keeps it, else the employee number.
            contract_key={"rep_key": ("rep_key", "employee_number", "id")},
        ),
        _stream(
            "opportunity",
            {
                "Name": ("name", "text"),
                "AccountId": ("account_id", "text"),
                "OwnerId": ("owner_id", "text"),
                "Amount": ("amount", "money"),
                "StageName": ("stage_name", "text"),
                "IsWon": ("is_won", "boolean"),
                "IsClosed": ("is_closed", "boolean"),
                "Probability": ("probability", "rate"),
                "CloseDate": ("close_date", "date"),
                "Type": ("type", "text"),
                "LastModifiedDate": ("last_modified_date", "timestamp"),
                "Opportunity_Key__c": ("opportunity_key", "text"),
            },
            contract="opportunities",
            contract_key={"opportunity_key": ("opportunity_key", "id")},
            amount="amount",
        ),
        # One record per change of a deal's stage, amount, probability or close date; an org without deals has none.
        _stream(
            "opportunityhistory",
            {
                "OpportunityId": ("opportunity_id", "text"),
                "StageName": ("stage_name", "text"),
                "Amount": ("amount", "money"),
                "Probability": ("probability", "rate"),
                "CloseDate": ("close_date", "date"),
            },
            contract="opportunity_history",
            contract_key={},
            remote="OpportunityHistory",
            minimum_rows=0,
        ),
    ),
)
