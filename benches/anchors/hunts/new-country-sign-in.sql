WITH signins AS (
    SELECT timestamp, uuid_s, country, "target_user.uuid" AS user_uuid, "target_user.email" AS user_email, "client.ip_address" AS client_ip,
        "client.app_name" AS app_name
    FROM ev
    WHERE timestamp BETWEEN now_() - days(44) AND now_() AND feed = 'signinattempts' AND category IN ('success', 'firewall_reported_success')
        AND country <> ''),
firsts AS (
    SELECT user_uuid, country, min(timestamp) AS timestamp, arg_min(uuid_s, timestamp) AS uuid_s, arg_min(user_email, timestamp) AS user_email,
        arg_min(client_ip, timestamp) AS client_ip, arg_min(app_name, timestamp) AS app_name, count(*) AS sign_ins
    FROM signins GROUP BY 1, 2),
known AS (SELECT user_uuid, min(timestamp) AS known_since, list(DISTINCT country)[1:20] AS countries FROM signins GROUP BY 1)
SELECT timestamp, f.user_uuid, user_email, country, client_ip, app_name, sign_ins, known_since, countries, uuid_s
FROM firsts f JOIN known k ON f.user_uuid = k.user_uuid
WHERE timestamp >= now_() - days(14) AND timestamp - known_since >= days(5)
ORDER BY timestamp DESC
