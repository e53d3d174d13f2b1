"""What a simulated Databricks cluster has on its path instead of Spark; see `vendors.databricks`."""
