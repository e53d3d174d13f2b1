"""The forecast's settings of one tenant: the file, and what the tenant says over it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

from include.forecast.config import ForecastConfig
from include.settings import TenantSettings

CONFIG = Path(__file__).resolve().parents[1] / "forecast" / "monthly_forecast_config.yaml"


def load_config(settings: TenantSettings, path: Path = CONFIG) -> tuple[ForecastConfig, str]:
    """The file's settings with the tenant's over them, and the sha256 of the file (ORC-06)."""
    content = path.read_bytes()
    layer = yaml.safe_load(content) or {}
    return ForecastConfig.from_mapping(layer, settings.forecast), hashlib.sha256(content).hexdigest()
