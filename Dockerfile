# The API and the worker of a laptop, as `docker compose up` runs them. What AWS gets is made by scripts/package.
FROM python:3.13-slim AS environment
RUN pip install --no-cache-dir --root-user-action=ignore uv==0.13.9
WORKDIR /sedo
COPY pyproject.toml uv.lock ./
RUN UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy uv sync --locked --no-dev --no-install-project --no-cache --quiet

FROM python:3.13-slim
ENV PATH=/sedo/.venv/bin:$PATH PYTHONPATH=/sedo PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /sedo
COPY --from=environment /sedo/.venv .venv
COPY . .
USER 10001:10001
