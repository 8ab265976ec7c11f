-- The tables of an application that keeps leads, the customers behind them and the jobs done for them. Keys and indexes are in
-- customer_constraints.sql, so that a large amount of sample data can be loaded between the two.

CREATE TABLE public."Customer" (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text,
  phone text,
  email text,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public."CustomerAddress" (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  customer_id uuid NOT NULL,
  label text NOT NULL DEFAULT 'home',
  address text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public."Lead" (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text,
  phone text,
  email text,
  messenger_psid text,
  address text,
  customer_id uuid,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public."Job" (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  lead_id uuid,
  customer_id uuid,
  title text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public."Conversation" (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  lead_id uuid,
  customer_id uuid,
  channel text NOT NULL DEFAULT 'messenger',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public."Audit" (
  id bigint GENERATED ALWAYS AS IDENTITY,
  action text NOT NULL,
  payload jsonb,
  created_at timestamptz NOT NULL DEFAULT now()
);
