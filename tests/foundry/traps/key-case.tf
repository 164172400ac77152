resource "azapi_resource" "gateway" {
  type      = "Microsoft.CognitiveServices/accounts/projects/connections@2025-04-01-preview"
  name      = "gateway"
  parent_id = azapi_resource.project.id

  body = {
    properties = {
      category      = "ApiManagement"
      target        = "https://contoso.azure-api.net/openai/v1"
      authType      = "ApiKey"
      isSharedToAll = false
      credentials = {
        key = var.gateway_key
      }
      metadata = {
        deploymentInPath = "false"
        models           = jsonencode([{
          name = "gpt-4o"
          properties = {
            model = { format = "OpenAI", name = "gpt-4o", version = "2024-08-06" }
          }
        }])
        inferenceApiVersion = null
      }
    }
  }
}
