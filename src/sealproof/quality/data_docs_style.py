"""How Data Docs look: one style sheet for our index and for Great Expectations' pages, and the index.

The class names in the second half are those that Great Expectations writes into its pages.
"""

from __future__ import annotations

STYLE = """
:root { --ink: #1c2733; --soft: #5b6b7b; --line: #d9e0e7; --pale: #f4f7fa; --link: #0b5c8a;
  --good: #1b7f4b; --bad: #b3261e; --warn: #8a5a00; --note: #2a5d8f; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 2rem 4rem; max-width: 78rem; color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3, h4, h5, h6 { font-size: 1rem; margin: .3rem 0; }
a { color: var(--link); } p { margin: .3rem 0; } .lead, .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; margin: .4rem 0; }
th { text-align: left; font-weight: 600; color: var(--soft); } thead[hidden] { display: none; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.code { white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font-size: .9em; overflow-wrap: anywhere; }
.tag { display: inline-block; white-space: nowrap; min-width: 5.6em; padding: 0 .5em; border-radius: .3em;
  text-align: center; font-size: .85em; font-weight: 600; color: #fff; background: var(--soft); }
.tag.pass { background: var(--good); } .tag.error { background: var(--bad); }
.tag.warning { background: var(--warn); } .tag.info { background: var(--note); }
.simulated { border: 2px solid var(--warn); color: var(--warn); padding: .3rem .8rem; font-weight: 600; }
.finding { border-left: 4px solid var(--line); padding: .2rem 0 .2rem 1rem; margin: 1rem 0; }
.finding.error { border-color: var(--bad); } .finding.warning { border-color: var(--warn); }
.finding.info { border-color: var(--note); }
.finding ul { columns: 22rem; margin: .3rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .3rem 0; }
dt { color: var(--soft); } dd { margin: 0; }

.navbar, .card, .breadcrumb { border: 0; } nav { height: auto !important; }
.breadcrumb { display: flex; gap: .5rem; list-style: none; margin: .2rem 0 1rem; padding: 0;
  color: var(--soft); }
.breadcrumb-item + .breadcrumb-item::before { content: "\\203A\\00a0\\00a0"; }
.navbar-brand a { font-weight: 600; text-decoration: none; }
.nav { list-style: none; margin: 0; padding: 0; columns: 14rem; max-height: none !important; }
.navbar.rounded { max-height: none !important; }
.ge-section { margin: 1.4rem 0; overflow-wrap: anywhere; } .ge-section .col-6 { max-width: 34rem; }
.alert { background: var(--pale); border-radius: .3rem; padding: .4rem .8rem; }
.badge { background: var(--pale); border: 1px solid var(--line); border-radius: .3rem; padding: 0 .35em; }
.table-bordered { width: auto; font-size: .92em; }
.ge-section .table:not(.table-sm) th:first-child { width: 5rem; overflow-wrap: normal; }
.ge-section .table:not(.table-sm) th:nth-child(3) { width: 14rem; }
.text-success { color: var(--good); } .text-danger { color: var(--bad); }
i.fas { font-style: normal; font-weight: 700; } i.fa-check-circle::before { content: "\\2713"; }
i.fa-times::before { content: "\\2717"; } i.fa-exclamation-triangle::before { content: "!"; }
.collapse { display: none; } .collapse:target { display: block; }
.cooltip .top { display: none; }
"""

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Data checks: {{ product }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<h1>Data checks: {{ product }}</h1>
<p>Images checked: {{ content.images }}. Errors: {{ content.counts.error }},
warnings: {{ content.counts.warning }}, notes: {{ content.counts.info }}.
Errors stop the pipeline; warnings go on record.</p>
<p>In full, by Great Expectations:
<a href="images.html">every image against its limits</a> ({{ "met" if success.images else "not all met" }}),
<a href="checks.html">every check and its result</a> ({{ "met" if success.checks else "not all met" }});
what was expected:
<a href="images-expectations.html">of images</a>, <a href="checks-expectations.html">of checks</a>.</p>

<h2>Findings</h2>
{% for finding, where in findings %}
<div class="finding {{ finding.severity }}">
<h3><span class="tag {{ finding.severity }}">{{ finding.severity }}</span> {{ finding.what }}</h3>
<dl>
<dt>expected</dt><dd>{{ finding.expected }}</dd>
<dt>observed</dt><dd>{{ finding.observed }}</dd>
<dt>remedy</dt><dd>{{ finding.mend }}</dd>
<dt>code</dt><dd><code>{{ finding.code }}</code></dd>
</dl>
{% if where %}
<ul>
{% for entry in where %}
<li>{{ entry }}</li>
{% endfor %}
</ul>
{% endif %}
</div>
{% else %}
<p>None.</p>
{% endfor %}

<h2>Checks</h2>
<table>
<thead><tr><th>result</th><th>question</th><th>why it is asked</th><th>reason code</th></tr></thead>
<tbody>
{% for code, check in content.checks.items() %}
<tr><td>{% if check.findings is none %}<span class="tag info">not done</span>
{%- elif check.findings == 0 %}<span class="tag pass">no</span>
{%- else %}<span class="tag {{ check.severity }}">{{ check.severity }}: {{ check.findings }}</span>
{%- endif %}</td>
<td>{{ check.question }}</td><td class="soft">{{ check.reason }}</td>
<td class="code"><code>{{ code }}</code></td></tr>
{% endfor %}
</tbody>
</table>

<h2>Measured</h2>
<p class="soft">Minimum, median and maximum over the images of each split;
excluded and blank images are left out.</p>
<table>
<thead><tr><th>split</th><th class="number">images</th><th class="number">brightness</th>
<th class="number">contrast</th><th class="number">sharpness</th><th class="number">saturated share</th>
</tr></thead>
<tbody>
{% for split, part in content.measured.items() %}
<tr><td>{{ split }}</td><td class="number">{{ part.images }}</td>
{% for measure in ("brightness", "contrast", "sharpness", "saturated") %}
{% set m = part[measure] %}
<td class="number">{{ "%.3g" | format(m.minimum) }} &middot; {{ "%.3g" | format(m.median) }} &middot;
{{ "%.3g" | format(m.maximum) }}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</body>
</html>
"""
