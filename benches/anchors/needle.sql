SELECT * FROM ev
WHERE coalesce(nullif("target_user.email", ''), nullif("user.email", ''), "actor_details.email") = 'USER'
ORDER BY timestamp DESC LIMIT 200
