// Swagger UI over the document of this server. Keys that people enter stay in the page.
const SHORT =
  "Enter your key with *Authorize*, then use *Try it out* on a route. [/redoc](/redoc) also has the " +
  "guide to keys, limits, streams and errors; [/openapi.json](/openapi.json) is the same for programs.";

document.body.style.margin = 0;

fetch("/openapi.json")
  .then((answer) => answer.json())
  .then((spec) =>
    SwaggerUIBundle({
      // The guide is long: it would stand between the reader and the routes.
      spec: { ...spec, info: { ...spec.info, description: SHORT } },
      domNode: document.getElementById("docs"),
      deepLinking: true,
      validatorUrl: null,
    })
  );
