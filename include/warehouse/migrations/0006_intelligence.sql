-- run as superuser
-- POS facts, partitioned by month. The loader attaches months, so it owns the table (resolution C56).

SET LOCAL ROLE tw_pipeline;

CREATE TABLE intelligence.pos_facts (
    tenant_id text NOT NULL,
    sale_date date NOT NULL,
    customer_key text NOT NULL,
    product_key text NOT NULL,
    units_sold numeric(19, 4) NOT NULL,
    sales_value numeric(19, 4) NOT NULL,
    period text NOT NULL CHECK (period IN ('day', 'week')),
    is_promotion boolean,
    promo_price_detected numeric(19, 4),
    retail_discount numeric(19, 4),
    currency text NOT NULL,
    run_id text NOT NULL
) PARTITION BY RANGE (sale_date);
-- The key, in the order promotion measures read it: a product over a window.
CREATE UNIQUE INDEX pos_facts_key ON intelligence.pos_facts (tenant_id, product_key, sale_date, customer_key);
COMMENT ON TABLE intelligence.pos_facts IS
    'Sell-out of a product at a customer on a day, or in the week that ends there. Current version of every row of pos_sales.';
