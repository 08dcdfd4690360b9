// The API's page: Swagger UI from this server's own files, over this server's own OpenAPI document.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  // The default sends the document to a validator elsewhere.
  validatorUrl: null,
  // A query of this page must not choose another document or settings.
  queryConfigEnabled: false,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
