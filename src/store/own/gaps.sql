SELECT noticed AS "TimeGenerated", account, feed, first, last, why, closed, closed IS NULL AS open, lost,
    CASE WHEN closed IS NULL THEN 'open' WHEN lost IS NULL THEN 'filled' WHEN lost < last THEN 'partly lost' ELSE 'lost' END AS state,
    (SELECT coalesce(sum(found), 0) FROM refill WHERE refill.gap = gap.id) AS found
FROM gap
