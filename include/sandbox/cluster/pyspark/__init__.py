"""As much of PySpark as the forecast's job uses, on one process: for clusters of the sandbox without Spark."""
