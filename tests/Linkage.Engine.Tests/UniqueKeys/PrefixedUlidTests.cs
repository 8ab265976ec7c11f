using Linkage.Engine.UniqueKeys;

namespace Linkage.Engine.Tests.UniqueKeys;

public sealed class PrefixedUlidTests
{
    [Theory]
    [InlineData("team_01HK153X00V5K8G41AJ7ZAYF1F", true)]
    [InlineData("team_01hk153x00v5k8g41aj7zayf1f", true)]
    [InlineData("lead_card_01HK153X00V5K8G41AJ7ZAYF1F", true)]
    [InlineData("t_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", true)]
    [InlineData("t_8ZZZZZZZZZZZZZZZZZZZZZZZZZ", false)]
    [InlineData("01HK153X00V5K8G41AJ7ZAYF1F", false)]
    [InlineData("_01HK153X00V5K8G41AJ7ZAYF1F", false)]
    [InlineData("1_01HK153X00V5K8G41AJ7ZAYF1F", false)]
    [InlineData("te-am_01HK153X00V5K8G41AJ7ZAYF1F", false)]
    [InlineData("team_01HK153X00V5K8G41AJ7ZAYF1", false)]
    [InlineData("team_01HK153X00V5K8G41AJ7ZAYF1FF", false)]
    [InlineData("team_01HK153X00V5K8G41AJ7ZAYF1I", false)]
    [InlineData("team_01HK153X00V5K8G41AJ7ZAYF1l", false)]
    [InlineData("team_01HK153X00V5K8G41AJ7ZAYF1O", false)]
    [InlineData("team_01HK153X00V5K8G41AJ7ZAYF1u", false)]
    [InlineData("team_01HK153X00V5K8G41AJ7ZAYF1F\n", false)]
    [InlineData(" team_01HK153X00V5K8G41AJ7ZAYF1F", false)]
    [InlineData("team_٠1HK153X00V5K8G41AJ7ZAYF1F", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Is_a_prefix_and_26_characters_of_Crockfords_base_32_that_hold_128_bits(string? id, bool isValid) =>
        Assert.Equal(isValid, PrefixedUlid.IsValid(id));

    [Fact]
    public void A_prefix_that_is_given_must_be_all_of_it()
    {
        const string Id = "lead_card_01HK153X00V5K8G41AJ7ZAYF1F";

        Assert.True(PrefixedUlid.IsValid(Id, "lead_card"));
        Assert.False(PrefixedUlid.IsValid(Id, "card"));
        Assert.False(PrefixedUlid.IsValid(Id, "Lead_card"));
    }

    [Fact]
    public async Task The_ids_of_the_sample_data_are_such()
    {
        await using var database = await KeyScene.CreateSampleAsync();

        var ids = await database.QueryAsync<string>("SELECT id FROM unified_lead_cards UNION ALL SELECT team_id FROM businesses");

        Assert.All(ids, id => Assert.True(PrefixedUlid.IsValid(id), id));
    }
}
