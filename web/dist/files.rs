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
        path: "/assets/index-D2P-Wa2o.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "66487a923f333fa5",
        bytes: include_bytes!("assets/index-D2P-Wa2o.js"),
        brotli: include_bytes!("assets/index-D2P-Wa2o.js.br"),
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
        tag: "152f5b98f1b8b147",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
