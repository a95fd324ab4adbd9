"""How Sphinx builds the site. Its sources are laid out by `docs/website`; `make docs` does both."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from omni_api import __version__  # noqa: E402

project = "sidero-omni-api"
release = version = __version__
author = "the authors of sidero-omni-api"
project_copyright = "the authors of sidero-omni-api"
html_title = f"{project} {release}"
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "docs.website.docstrings",
    "docs.website.linking",
    "docs.website.describing",
]
root_doc = "index"
exclude_patterns = ["license.txt"]

# Sources that people wrote: GitHub's anchors, and nothing that GitHub would show as raw text.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

# A notebook that fails fails the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_typehints = "signature"
add_module_names = False
python_maximum_signature_line_length = 60
toc_object_entries = False
nitpicky = True

# Options of commands have two dashes, which would become one long one.
smartquotes = False
html_theme = "furo"
html_static_path = ["website/static"]
html_css_files = ["site.css"]
html_js_files = ["tabs.js"]
html_favicon = "website/static/mark.svg"
html_logo = "website/static/mark.svg"
html_show_sourcelink = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#a8341f",
        "color-brand-content": "#a8341f",
        "color-brand-visited": "#7d3a5f",
    },
    "dark_css_variables": {
        "color-brand-primary": "#ff8a6b",
        "color-brand-content": "#ff8a6b",
        "color-brand-visited": "#d79bc0",
    },
}
highlight_language = "python"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
