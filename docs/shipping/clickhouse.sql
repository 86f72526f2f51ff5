CREATE DATABASE IF NOT EXISTS audit;

-- What is sent twice after a breakdown differs in nothing: it is merged away, and SELECT … FINAL does not wait for that.
CREATE TABLE IF NOT EXISTS audit.events
(
    `time` DateTime64(6, 'UTC'),
    `node` LowCardinality(String),
    `audit_id` String,
    `stage` LowCardinality(String),
    `level` LowCardinality(String),
    `user` LowCardinality(String),
    `groups` Array(LowCardinality(String)),
    `impersonated_user` LowCardinality(String),
    `verb` LowCardinality(String),
    `api_group` LowCardinality(String),
    `resource` LowCardinality(String),
    `subresource` LowCardinality(String),
    `namespace` LowCardinality(String),
    `name` String,
    `uri` String,
    `source_ips` Array(String),
    `user_agent` LowCardinality(String),
    `code` UInt16,
    `decision` LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (resource, verb, user, time, audit_id, stage, uri)
TTL toDateTime(time) + INTERVAL 400 DAY;
