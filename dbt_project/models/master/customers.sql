with recursive

customers as (
    select * from {{ ref('unified_customers') }}
),

labelled as (
    select
        child.*,
        -- An ltree label takes letters, digits and underscores; a changed key gets a digest so that 'A-1' and
        -- 'A_1' stay two customers.
        left(regexp_replace(child.customer_key, '[^A-Za-z0-9_]', '_', 'g'), 200)
        || case
            when child.customer_key ~ '[^A-Za-z0-9_]' or length(child.customer_key) > 200
                then '_' || left(md5(child.customer_key), 8)
            else ''
        end as label,
        parent.customer_key as known_parent_key
    from customers as child
    left join customers as parent
        on child.tenant_id = parent.tenant_id
        and child.parent_customer_key = parent.customer_key
),

tree as (
    select tenant_id, customer_key, array[customer_key] as lineage, label as path
    from labelled
    where known_parent_key is null
    union all
    select labelled.tenant_id, labelled.customer_key, tree.lineage || labelled.customer_key, tree.path || '.' || labelled.label
    from labelled
    inner join tree
        on labelled.tenant_id = tree.tenant_id
        and labelled.known_parent_key = tree.customer_key
),

subtree_sizes as (
    select tree.tenant_id, ancestor.customer_key, count(*) as size
    from tree
    cross join lateral unnest(tree.lineage) as ancestor (customer_key)
    group by tree.tenant_id, ancestor.customer_key
),

numbered as (
    select
        tree.*,
        cardinality(tree.lineage) as level,
        row_number() over (partition by tree.tenant_id order by tree.lineage) as preorder
    from tree
),

final as (
    select
        customers.tenant_id,
        customers.customer_key,
        customers.name,
        customers.customer_type,
        customers.parent_customer_key,
        customers.channel,
        customers.region,
        customers.trade_group,
        customers.currency,
        numbered.path::extensions.ltree as hierarchy_path,
        (2 * numbered.preorder - numbered.level)::integer as lft,
        (2 * numbered.preorder - numbered.level + 2 * subtree_sizes.size - 1)::integer as rgt,
        (numbered.level - 1)::integer as depth,
        numbered.lineage[1] as root_customer_key,
        customers.payment_terms,
        case
            when customers.payment_terms ~* 'receipt|immediate' then 0
            else coalesce(
                substring(customers.payment_terms from '(?i)\mn(?:et)?\s*\.?\s*(\d{1,3})\M'),
                substring(customers.payment_terms from '(?i)(\d{1,3})\s*days?\M'),
                substring(customers.payment_terms from '^\s*(\d{1,3})\s*$')
            )::integer
        end as payment_terms_days,
        customers.attributes,
        customers.source_system
    from customers
    inner join numbered
        on customers.tenant_id = numbered.tenant_id
        and customers.customer_key = numbered.customer_key
    inner join subtree_sizes
        on customers.tenant_id = subtree_sizes.tenant_id
        and customers.customer_key = subtree_sizes.customer_key
)

select * from final
