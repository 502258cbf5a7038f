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
        path: "/assets/index-DIB1WHjI.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "8d0b45a73f20d783",
        bytes: include_bytes!("assets/index-DIB1WHjI.js"),
        brotli: include_bytes!("assets/index-DIB1WHjI.js.br"),
    },
    File {
        path: "/assets/index-h4xbhGqR.css",
        content_type: "text/css; charset=utf-8",
        tag: "d0058e43f61f85d0",
        bytes: include_bytes!("assets/index-h4xbhGqR.css"),
        brotli: include_bytes!("assets/index-h4xbhGqR.css.br"),
    },
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        tag: "233226e8f0f6ba80",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
