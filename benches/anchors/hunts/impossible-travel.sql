WITH signins AS (
    SELECT timestamp, uuid_s, "target_user.uuid" AS user_uuid, "target_user.email" AS user_email, "client.ip_address" AS client_ip, country,
        "location.latitude" AS latitude, "location.longitude" AS longitude
    FROM ev
    WHERE timestamp BETWEEN now_() - days(30) AND now_() AND feed = 'signinattempts' AND category IN ('success', 'firewall_reported_success')
        AND "target_user.uuid" <> '' AND "location.latitude" IS NOT NULL AND "location.longitude" IS NOT NULL),
pairs AS (
    SELECT *, lag(timestamp) OVER w AS from_time, lag(client_ip) OVER w AS from_ip, lag(country) OVER w AS from_country,
        lag(latitude) OVER w AS from_latitude, lag(longitude) OVER w AS from_longitude, lag(uuid_s) OVER w AS from_uuid
    FROM signins WINDOW w AS (PARTITION BY user_uuid ORDER BY timestamp)),
measured AS (
    SELECT *, 2 * 6371.0 * asin(sqrt(sin(radians(latitude - from_latitude) / 2) ** 2
            + cos(radians(latitude)) * cos(radians(from_latitude)) * sin(radians(longitude - from_longitude) / 2) ** 2)) AS kilometres,
        (timestamp - from_time) / hours(1) AS elapsed
    FROM pairs WHERE from_time IS NOT NULL)
SELECT timestamp, user_uuid, user_email, from_country, from_ip, country, client_ip, kilometres, elapsed, from_time, from_uuid, uuid_s
FROM measured WHERE kilometres >= 500.0 AND kilometres > elapsed * 900.0
ORDER BY timestamp DESC
