# Two images of the bot: `docker build .` has CUDA, `docker build --target cpu .` has not, and a fifth of the size.
# No weights are inside: `download` puts them into /app/weights, which is a volume, as /app/data is. compose.yaml has
# both, and all the settings.

FROM python:3.13-slim AS base
WORKDIR /app
RUN useradd --uid 1000 --create-home janus && install --directory --owner janus data weights
ENV PATH="/opt/janus/bin:$PATH" PYTHONUNBUFFERED=1

FROM base AS build
RUN pip install --no-cache-dir "uv>=0.9.17,<1"
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1 VIRTUAL_ENV=/opt/janus
COPY pyproject.toml ./
# [tool.uv] gives everybody the same versions, by date. The index that has torch for a CPU tells no dates, so they are
# found first, and then kept to.
RUN uv venv "$VIRTUAL_ENV" && uv pip compile --quiet --output-file /versions.txt --extra quantize pyproject.toml

FROM build AS build-cpu
RUN uv pip install --no-config --torch-backend cpu --constraint /versions.txt --extra quantize -r pyproject.toml
COPY . .
RUN uv pip install --no-deps --editable .

FROM base AS cpu
COPY --from=build-cpu /opt/janus /opt/janus
COPY . .
USER 1000
ENTRYPOINT ["janus-bot"]
CMD ["run"]

FROM build AS build-cuda
RUN uv pip install --no-config --constraint /versions.txt --extra quantize -r pyproject.toml
COPY . .
RUN uv pip install --no-deps --editable .

FROM base AS cuda
# Steps are compiled for the GPU when the bot starts, and Triton calls a C compiler for that: any one will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-cuda /opt/janus /opt/janus
COPY . .
USER 1000
ENTRYPOINT ["janus-bot"]
CMD ["run"]
