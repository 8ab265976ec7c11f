namespace Linkage.Engine.Health.Alerts;

/// <summary>Some have it and some never will: an error, and yet not to be sent again.</summary>
internal sealed class AlertPartlySentException(string message) : Exception(message);
