SELECT coalesce(nullif(country, ''), "location.country", '') AS c,
    count(DISTINCT coalesce(nullif("client.ip_address", ''), "session.ip", '')) AS d
FROM ev GROUP BY 1 ORDER BY d DESC
