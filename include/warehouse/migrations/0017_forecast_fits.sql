-- How well the chosen family fits: distance of Kolmogorov and Smirnov and its bootstrap p-value.

ALTER TABLE planning.monte_carlo_fits
    ADD COLUMN ks double precision,
    ADD COLUMN ks_p_value double precision;
COMMENT ON COLUMN planning.monte_carlo_fits.ks IS
    'Distance of the family with the lowest AIC from the positive observations. null: nothing was fitted.';
COMMENT ON COLUMN planning.monte_carlo_fits.ks_p_value IS
    'Its probability by parametric bootstrap. Where it is below goodness_level and there are enough observations, family is empirical.';
