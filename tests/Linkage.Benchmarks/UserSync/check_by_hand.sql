-- Ghosts and orphans as a DBA counts them.
SELECT
  (
    SELECT count(*)
    FROM auth.users a
    LEFT JOIN public.users u ON u.id = a.id
    WHERE u.id IS NULL AND a.deleted_at IS NULL AND NOT a.is_anonymous
  ) AS ghosts,
  (
    SELECT count(*)
    FROM public.users u
    LEFT JOIN auth.users a ON a.id = u.id
    WHERE a.id IS NULL
  ) AS orphans
