namespace Linkage.Engine.Sandbox;

/// <summary>What a filling made of leads and customers: how many rows, and how many have each ill.</summary>
/// <param name="Leads">Rows of <c>"Lead"</c>.</param>
/// <param name="LeadsWithoutCustomer">Leads whose <c>customer_id</c> is null.</param>
/// <param name="LeadsOfKnownCustomers">
/// Leads without a customer for whom there is one: an earlier script made it, or another lead of the same person has it.
/// </param>
/// <param name="LeadsWithPlaceholder">Leads whose only phone or e-mail is one like 000-000-0000 or test@test.com.</param>
/// <param name="LeadsOverTheCounter">
/// Leads without a PSID whose phone is also that of a lead with one, of the same person: two groups by priority, one if joined
/// transitively.
/// </param>
/// <param name="HouseholdPhones">Phones that two leads with different PSIDs share, who are two persons.</param>
/// <param name="LeadsOfAgencies">Leads of different persons who gave the phone of their agency, 25 each.</param>
/// <param name="Customers">Rows of <c>"Customer"</c>.</param>
/// <param name="CustomersWithoutLeads">Customers that no lead has.</param>
/// <param name="LargeCustomers">Customers with more than five leads, all of one person.</param>
/// <param name="MixedCustomers">Customers whose leads are those of two persons.</param>
/// <param name="DuplicatePhones">Phones that two customers have, each written otherwise.</param>
/// <param name="DuplicateEmails">E-mail addresses that two customers have, one of them in capitals.</param>
/// <param name="Jobs">Rows of <c>"Job"</c>.</param>
/// <param name="JobsWithoutCustomer">Jobs whose <c>customer_id</c> is null, those below among them.</param>
/// <param name="JobsLeftBehind">Jobs without a customer whose lead has one.</param>
/// <param name="JobsThatDisagree">Jobs with another customer than their lead.</param>
/// <param name="Conversations">Rows of <c>"Conversation"</c>: one for each lead with a PSID.</param>
/// <param name="ConversationsWithoutCustomer">Conversations whose <c>customer_id</c> is null.</param>
public sealed record SampleLeadsOverview(
    long Leads,
    long LeadsWithoutCustomer,
    long LeadsOfKnownCustomers,
    long LeadsWithPlaceholder,
    long LeadsOverTheCounter,
    long HouseholdPhones,
    long LeadsOfAgencies,
    long Customers,
    long CustomersWithoutLeads,
    long LargeCustomers,
    long MixedCustomers,
    long DuplicatePhones,
    long DuplicateEmails,
    long Jobs,
    long JobsWithoutCustomer,
    long JobsLeftBehind,
    long JobsThatDisagree,
    long Conversations,
    long ConversationsWithoutCustomer);
