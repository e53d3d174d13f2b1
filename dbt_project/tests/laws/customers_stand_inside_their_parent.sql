-- Nested set, path and parent say the same: a child's numbers lie inside its parent's, its path continues it.
select child.tenant_id, child.customer_key, child.parent_customer_key
from {{ ref('customers') }} as child
inner join {{ ref('customers') }} as parent
    on child.tenant_id = parent.tenant_id
    and child.parent_customer_key = parent.customer_key
where not (
    child.lft > parent.lft
    and child.rgt < parent.rgt
    and extensions.subpath(child.hierarchy_path, 0, -1)::text = parent.hierarchy_path::text
    and child.root_customer_key = parent.root_customer_key
)
