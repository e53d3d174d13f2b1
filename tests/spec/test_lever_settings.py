"""Settings of drivers and optimiser: what is refused, by name."""

from __future__ import annotations

import pytest
import yaml

from include.errors import TradewindError
from include.flows.forecast import CONFIG
from include.forecast.config import ForecastConfig


def test_the_file_states_the_defaults():
    """A tenant that overrides one key of a section keeps the other keys as the file has them."""
    stated = ForecastConfig.from_mapping(yaml.safe_load(CONFIG.read_text()))
    assert (stated.drivers, stated.optimise) == (ForecastConfig().drivers, ForecastConfig().optimise)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"drivers": {"lever": {}}}, "drivers"),
        ({"drivers": {"levers": {"weather": [0.1]}}}, "weather"),
        ({"drivers": {"levers": {"quota": [0.0]}}}, "other than 0"),
        ({"drivers": {"levers": {"quota": [-1.5]}}}, "drivers.levers.quota"),
        ({"drivers": {"levers": {"quota": [float("nan")]}}}, "drivers.levers.quota"),
        ({"drivers": {"levers": {"quota": 0.1}}}, "a list"),
        ({"drivers": {"iterations": 0}}, "drivers.iterations"),
        ({"optimise": {"percentile": 100}}, "optimise.percentile"),
        ({"optimise": {"step": 0}}, "optimise.step"),
        ({"optimise": {"levers": {"quota_scale": [2, 1]}}}, "lowest, highest"),
        ({"optimise": {"levers": {"quota_scale": [0, 1]}}}, "optimise.levers.quota_scale"),
        ({"optimise": {"levers": {"threshold": [0.5, 0.6]}, "step": 0.7}}, "a multiple of 0.7"),
        ({"optimise": 3}, "optimise"),
    ],
)
def test_settings_out_of_bounds_are_named(asked, message):
    with pytest.raises(TradewindError, match=message):
        ForecastConfig.from_mapping(asked)
