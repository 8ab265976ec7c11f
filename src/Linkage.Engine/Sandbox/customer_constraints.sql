-- Keys and indexes of the application's own. Nothing of Linkage: its installer adds that.

ALTER TABLE public."Customer" ADD CONSTRAINT "Customer_pkey" PRIMARY KEY (id);

-- Two customers who are one have an address of each label twice: what merging them must settle.
ALTER TABLE public."CustomerAddress"
  ADD CONSTRAINT "CustomerAddress_pkey" PRIMARY KEY (id),
  ADD CONSTRAINT "CustomerAddress_customer_id_label_key" UNIQUE (customer_id, label),
  ADD CONSTRAINT "CustomerAddress_customer_id_fkey" FOREIGN KEY (customer_id) REFERENCES public."Customer" (id) ON DELETE CASCADE;

ALTER TABLE public."Lead"
  ADD CONSTRAINT "Lead_pkey" PRIMARY KEY (id),
  ADD CONSTRAINT "Lead_customer_id_fkey" FOREIGN KEY (customer_id) REFERENCES public."Customer" (id) ON DELETE SET NULL;

CREATE INDEX "Lead_customer_id_idx" ON public."Lead" (customer_id);

ALTER TABLE public."Job"
  ADD CONSTRAINT "Job_pkey" PRIMARY KEY (id),
  ADD CONSTRAINT "Job_lead_id_fkey" FOREIGN KEY (lead_id) REFERENCES public."Lead" (id) ON DELETE SET NULL,
  ADD CONSTRAINT "Job_customer_id_fkey" FOREIGN KEY (customer_id) REFERENCES public."Customer" (id) ON DELETE SET NULL;

CREATE INDEX "Job_lead_id_idx" ON public."Job" (lead_id);
CREATE INDEX "Job_customer_id_idx" ON public."Job" (customer_id);

ALTER TABLE public."Conversation"
  ADD CONSTRAINT "Conversation_pkey" PRIMARY KEY (id),
  ADD CONSTRAINT "Conversation_lead_id_fkey" FOREIGN KEY (lead_id) REFERENCES public."Lead" (id) ON DELETE CASCADE,
  ADD CONSTRAINT "Conversation_customer_id_fkey" FOREIGN KEY (customer_id) REFERENCES public."Customer" (id) ON DELETE SET NULL;

CREATE INDEX "Conversation_lead_id_idx" ON public."Conversation" (lead_id);
CREATE INDEX "Conversation_customer_id_idx" ON public."Conversation" (customer_id);

ALTER TABLE public."Audit" ADD CONSTRAINT "Audit_pkey" PRIMARY KEY (id);

CREATE INDEX "Audit_action_created_at_idx" ON public."Audit" (action, created_at);
