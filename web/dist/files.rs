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
        path: "/assets/index-CTWEo-R1.css",
        content_type: "text/css; charset=utf-8",
        tag: "6c5ce52001b9acc2",
        bytes: include_bytes!("assets/index-CTWEo-R1.css"),
        brotli: include_bytes!("assets/index-CTWEo-R1.css.br"),
    },
    File {
        path: "/assets/index-CjP92hc5.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "17a4def93d58e71f",
        bytes: include_bytes!("assets/index-CjP92hc5.js"),
        brotli: include_bytes!("assets/index-CjP92hc5.js.br"),
    },
    File {
        path: "/assets/licences-10_HjLcv.txt",
        content_type: "text/plain; charset=utf-8",
        tag: "e4f3b2873da58eda",
        bytes: include_bytes!("assets/licences-10_HjLcv.txt"),
        brotli: include_bytes!("assets/licences-10_HjLcv.txt.br"),
    },
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        tag: "a6fd8cb839e5de08",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
