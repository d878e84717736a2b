# The image of sandboxes: programs to work with, and the worker. Built by `specfleet image build`, for the classic
# builder as well. Your own toolchain is the base: `specfleet image build --base my-tools:1`.
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS tools
USER root
# What the worker and an agent need in any case; a base that has it is left as it is, and needs no network here.
RUN command -v git >/dev/null && command -v rg >/dev/null && find /usr/lib /lib -name libstdc++.so.6 | grep -q . || { \
      apt-get update && \
      apt-get install --yes --no-install-recommends git ripgrep ca-certificates libstdc++6 && \
      rm -rf /var/lib/apt/lists/*; \
    }

FROM tools AS worker
COPY node /opt/specfleet/bin/node
COPY worker.mjs /opt/specfleet/worker.mjs
# A program that may be run but not read keeps the worker's memory and environment from tools of the same user.
RUN chmod 0111 /opt/specfleet/bin/node && chmod 0444 /opt/specfleet/worker.mjs && \
    mkdir -m 0700 /opt/specfleet/cache && chown 1000:1000 /opt/specfleet/cache
# The worker is told nothing and refuses to work; what it compiled on the way is kept, and so is a snapshot of its
# memory that it starts from. On another kind of processor than this one neither is used.
USER 1000:1000
RUN NODE_COMPILE_CACHE=/opt/specfleet/cache SPECFLEET_ENV_FILE=/proc/self/fd/0 \
    /opt/specfleet/bin/node /opt/specfleet/worker.mjs </dev/null; test $? = 79
RUN /opt/specfleet/bin/node --snapshot-blob /opt/specfleet/cache/worker.snapshot \
      --build-snapshot /opt/specfleet/worker.mjs || \
    { rm -f /opt/specfleet/cache/worker.snapshot; echo 'No snapshot could be made: workers will start from their source.'; }
USER root
RUN chown -R 0:0 /opt/specfleet && chmod -R a+rX /opt/specfleet/cache

FROM tools
COPY --from=worker /opt/specfleet /opt/specfleet
ARG WORKER
LABEL specfleet.worker=${WORKER}
