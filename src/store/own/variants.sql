SELECT arrived AS "TimeGenerated", account.uuid AS account, feed, variant.uuid AS uuid, seq, source, arrivals, digest, raw
FROM variant JOIN account ON account.id = variant.account
