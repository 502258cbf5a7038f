// Written by `npm run build` in web. Do not edit.
&[
    File {
        path: "/assets/icon-BHxBnfw4.svg",
        content_type: "image/svg+xml",
        tag: "934e9132896a693d",
        bytes: include_bytes!("assets/icon-BHxBnfw4.svg"),
        brotli: include_bytes!("assets/icon-BHxBnfw4.svg.br"),
    },
    File {
        path: "/assets/index-BGIizLJp.css",
        content_type: "text/css; charset=utf-8",
        tag: "e796d49555e7c18e",
        bytes: include_bytes!("assets/index-BGIizLJp.css"),
        brotli: include_bytes!("assets/index-BGIizLJp.css.br"),
    },
    File {
        path: "/assets/index-bfpc9OVU.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "f41b6bd5e246cdc9",
        bytes: include_bytes!("assets/index-bfpc9OVU.js"),
        brotli: include_bytes!("assets/index-bfpc9OVU.js.br"),
    },
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        tag: "2894732bc93c6240",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
