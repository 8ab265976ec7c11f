-- Which messages are left.
SELECT format(
  '%s messages, checksum %s',
  count(*),
  sum(hashtextextended(m.id::text, 0)::numeric))
FROM message m
