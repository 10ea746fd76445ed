WITH steps AS (
    SELECT timestamp, action, object_uuid AS user_uuid, "object_details.email" AS user_email, actor_uuid AS admin_uuid,
        "actor_details.email" AS admin_email, "session.ip" AS client_ip, uuid_s
    FROM ev
    WHERE timestamp BETWEEN now_() - days(32) AND now_() AND feed = 'auditevents' AND object_type = 'user' AND action IN ('beginr', 'completr')),
takeovers AS (
    SELECT timestamp AS signed_in, "target_user.uuid" AS user_uuid, "client.ip_address" AS client_ip
    FROM ev
    WHERE timestamp BETWEEN now_() - days(30) AND now_() + days(2) AND feed = 'signinattempts'
        AND category IN ('success', 'firewall_reported_success')),
recoveries AS (
    SELECT c.timestamp AS completed, b.timestamp AS begun, c.user_uuid, c.user_email, c.admin_uuid, c.admin_email, c.client_ip,
        b.uuid_s AS begin_uuid, c.uuid_s AS uuid
    FROM steps c JOIN steps b ON c.user_uuid = b.user_uuid AND c.admin_uuid = b.admin_uuid
    WHERE c.action = 'completr' AND c.timestamp >= now_() - days(30) AND b.action = 'beginr'
        AND c.timestamp >= b.timestamp AND c.timestamp <= b.timestamp + days(2))
SELECT completed, begun, r.user_uuid, user_email, admin_uuid, admin_email, r.client_ip, begin_uuid, uuid,
    count(*) FILTER (signed_in BETWEEN completed AND completed + days(2)) AS sign_ins_from_admin
FROM recoveries r LEFT JOIN takeovers t ON r.user_uuid = t.user_uuid AND r.client_ip = t.client_ip
GROUP BY ALL ORDER BY completed DESC
