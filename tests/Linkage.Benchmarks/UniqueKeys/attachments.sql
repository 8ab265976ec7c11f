-- Whose attachments there are.
SELECT format('%s attachments, checksum %s', count(*), sum(hashtextextended(a.message_id::text || a.url, 0)::numeric)) FROM attachment a
