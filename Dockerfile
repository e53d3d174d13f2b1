# Tradewind on Airflow's own image: the locked requirements, the code, and nothing else.
FROM apache/airflow:3.3.2-python3.11

COPY --chown=airflow:root requirements.lock /opt/airflow/requirements.lock
RUN pip install --no-cache-dir --no-deps --require-hashes -r /opt/airflow/requirements.lock

COPY --chown=airflow:root dags /opt/airflow/dags
COPY --chown=airflow:root plugins /opt/airflow/plugins
COPY --chown=airflow:root include /opt/airflow/include
COPY --chown=airflow:root dbt_project /opt/airflow/dbt_project

# Owned by the image's user, so that a fresh volume mounted there is writable.
RUN mkdir -p /opt/airflow/state

ENV PYTHONPATH=/opt/airflow \
    TRADEWIND_HOME=/opt/airflow \
    TRADEWIND_STATE=/opt/airflow/state
