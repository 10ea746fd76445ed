WITH exports AS (
    SELECT timestamp AS exported, CASE WHEN feed = 'itemusages' THEN "user.uuid" ELSE actor_uuid END AS user_uuid,
        CASE WHEN feed = 'itemusages' THEN vault_uuid ELSE object_uuid END AS vault_uuid, item_uuid, feed = 'auditevents' AS whole_vault,
        CASE WHEN feed = 'itemusages' THEN "client.ip_address" ELSE "session.ip" END AS client_ip, uuid_s
    FROM ev
    WHERE timestamp BETWEEN now_() - days(44) AND now_() AND action = 'export' AND feed IN ('itemusages', 'auditevents')
        AND (feed = 'itemusages' OR object_type = 'vault')),
leaves AS (
    SELECT timestamp AS "left", action AS leave_action, object_uuid AS user_uuid, "object_details.email" AS user_email,
        "actor_details.email" AS suspended_by, uuid_s AS leave_uuid
    FROM ev
    WHERE timestamp BETWEEN now_() - days(30) AND now_() AND feed = 'auditevents' AND object_type = 'user' AND action IN ('suspend', 'delete'))
SELECT l."left", leave_action, l.user_uuid, user_email, min(exported), max(exported), count(DISTINCT item_uuid) AS items,
    count(*) FILTER (whole_vault) AS vault_exports, list(DISTINCT vault_uuid)[1:50], list(DISTINCT client_ip)[1:20], suspended_by, leave_uuid,
    list(DISTINCT uuid_s)[1:100]
FROM leaves l JOIN exports e ON l.user_uuid = e.user_uuid AND exported < l."left" AND exported >= l."left" - days(14)
GROUP BY l."left", leave_action, l.user_uuid, user_email, suspended_by, leave_uuid
HAVING items >= 5 OR vault_exports > 0
ORDER BY l."left" DESC
