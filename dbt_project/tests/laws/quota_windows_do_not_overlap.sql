{{ config(severity='warn') }}
-- A day of a rep belongs to one quota per measure. A warning: the loader refuses overlaps within a delivery, two
-- deliveries that disagree are the source's to settle.
select later.*
from {{ ref('quotas') }} as later
inner join {{ ref('quotas') }} as earlier
    on later.tenant_id = earlier.tenant_id
    and later.rep_key = earlier.rep_key
    and later.measure = earlier.measure
    and later.period_start > earlier.period_start
    and later.period_start < earlier.period_end
