WITH s AS (SELECT timestamp AS signed_in, "target_user.uuid" AS user_uuid FROM ev
           WHERE timestamp >= now_() - days(1) AND feed = 'signinattempts'),
     u AS (SELECT timestamp AS used, "user.uuid" AS user_uuid FROM ev
           WHERE timestamp >= now_() - days(1) AND feed = 'itemusages')
SELECT count(*) AS pairs, count(DISTINCT u.user_uuid) AS users
FROM u JOIN s ON u.user_uuid = s.user_uuid AND u.used BETWEEN s.signed_in AND s.signed_in + minutes(10)
