# syntax=docker/dockerfile:1

# Debian 12, because it still has Java 17, which MockServer in the test stage needs.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:2fe369e969550cde8e867afc3fe370b260140cab4a23d467074295b42163d553

FROM ${NODE_IMAGE} AS deps
WORKDIR /app
RUN chown node:node /app
USER node
COPY --chown=node:node package.json package-lock.json .npmrc ./
RUN npm ci

FROM deps AS build
COPY --chown=node:node tsconfig.json tsconfig.build.json nest-cli.json ./
COPY --chown=node:node src ./src
RUN npm run build

# docker build --target test -t ingester-test . && docker run --rm ingester-test
FROM deps AS test
USER root
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
  && rm -rf /var/lib/apt/lists/*
USER node
COPY --chown=node:node . .
CMD ["npm", "test"]

FROM ${NODE_IMAGE} AS production-deps
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No production package needs its install script. The one optional package is the compiler, for a plug-in of
# @nestjs/swagger that works at build time.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM ${NODE_IMAGE} AS runtime
ENV NODE_ENV=production \
  DATA_DIR=/data
WORKDIR /app
RUN install --directory --owner=node --group=node --mode=0700 /data
COPY --from=production-deps /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
# `node` of the image, as a number, so that an orchestrator can see that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 8020
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8020}/health/live`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The exec form makes Node process 1, which gets SIGTERM and handles it itself.
# The flags are those of package.json (docs/adr/0009-collect-young-buffers.md).
CMD ["node", "--expose-gc", "--max-semi-space-size=16", "--heap-growing-percent=40", "--no-parallel-scavenge", "--no-concurrent-array-buffer-sweeping", "dist/main.js"]
