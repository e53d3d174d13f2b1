-- A day of a rep belongs to one quota per measure.
select later.*
from {{ ref('quotas') }} as later
inner join {{ ref('quotas') }} as earlier
    on later.tenant_id = earlier.tenant_id
    and later.rep_key = earlier.rep_key
    and later.measure = earlier.measure
    and later.period_start > earlier.period_start
    and later.period_start < earlier.period_end
