"""The web pages. How one is made:

    models = Pages()

    class Which(Asked):
        name: str

    @models.show("/models/{name}", takes=Which)
    def model(call: Call, asked: Which) -> Page:
        return Page("model.html", {"model": call.reading.model(asked.name)})

    class Described(Form):
        name: str
        description: str = ""

    @models.form("/models/{name}/description", takes=Described, page=model)
    def describe(call: Call, asked: Described) -> Go:
        call.registry.describe_model(asked.name, asked.description)
        return Go(f"/models/{quoted(asked.name)}", said="The description is changed.")

- A page of something outside, which may be slow or away, is shown with `first=…`: that starts it on a thread of its own
  and gives what to wait for (`pull_request.py`). Other pages load it by `hx-get`, and wait for nobody.
- What a route needs goes into `PAGES` in `permissions.py`; without it the server does not start.
- `show` gives an object, by which forms say which page they are on: when a form is refused, that page is shown again
  with `problem` (message, hint) and with what was `typed`.
- A template in `templates/` extends `layout.html`. It has `to` (addresses that keep the moment of the past),
  `when(milliseconds)`, `told(activity, to)` (what happened, as a sentence with links; `_activity.html` lists them),
  `markdown(text)`, `csrf_field()`, `me`, `past`, `can("write")`: see `render.py`.
- A form is `<form method="post" action="{{ to.path(...) }}">` with `{{ csrf_field() }}`. Nothing needs JavaScript; htmx
  makes it smoother (`hx-boost` is on for the whole page). The guard's policy blocks inline scripts and styles.
- Every `static/*.css` is on every page (`pages.css` first): name rules after the page that they are for.
- A new collection is added to `COLLECTIONS` in `collected.py`.
"""
