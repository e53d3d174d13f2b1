-- No period is closed while a check that must tie does not: the checklist of its generation says so.
select checks.*
from {{ source('finance', 'close_checklist') }} as checks
inner join {{ source('finance', 'period_closes') }} as closes
    on checks.tenant_id = closes.tenant_id
    and checks.calendar = closes.calendar
    and checks.fiscal_year = closes.fiscal_year
    and checks.period = closes.period
    and checks.generation = closes.generation
    and closes.event = 'closed'
where checks.is_blocking and checks.status = 'not_tied'
