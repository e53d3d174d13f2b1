-- Business events, movements and questions beyond the first settlement: accruals that follow performance, an
-- ERP's refusal, decisions of people and what undoes them, controls. The names only; their rules are code.

ALTER TABLE finance.journals DROP CONSTRAINT journals_event_check;
ALTER TABLE finance.journals ADD CONSTRAINT journals_event_check CHECK (event IN (
    'ACCRUAL', 'ACCRUAL_ADJUSTMENT', 'ACCRUAL_REFUSED', 'DEDUCTION_RECEIPT', 'SETTLEMENT', 'SETTLEMENT_REVERSAL',
    'DEBIT_MEMO', 'DEBIT_MEMO_REVERSAL', 'RECOVERY', 'RECOVERY_REVERSAL', 'WRITE_OFF', 'WRITE_OFF_REVERSAL',
    'REPAYMENT', 'RELEASE', 'RELEASE_REVERSAL', 'AP_VOUCHER', 'AP_PAYMENT'));

ALTER TABLE finance.claim_tasks DROP CONSTRAINT claim_tasks_task_type_check;
ALTER TABLE finance.claim_tasks ADD CONSTRAINT claim_tasks_task_type_check CHECK (task_type IN (
    'UNAUTHORIZED_DEDUCTION', 'CHOOSE_PROMOTION', 'REVIEW_MATCH', 'NO_PROMOTION_FOUND', 'POSSIBLE_DUPLICATE',
    'PROOF_OF_PERFORMANCE', 'PERIOD_CLOSED', 'AMOUNT_CHANGED', 'REPAYMENT_NOT_LINKED', 'ACCRUAL_REFUSED',
    'FUND_OVERSPENT', 'ILLEGAL_TRANSITION', 'PLAN_CHANGED', 'APPROVAL_NEEDED', 'DECISION_REFUSED', 'ERP_REFUSED',
    'PERIOD_NOT_TIED'));
