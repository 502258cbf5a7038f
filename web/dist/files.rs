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
        path: "/assets/index-CYFxXQGF.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "74450bcb44d6fab5",
        bytes: include_bytes!("assets/index-CYFxXQGF.js"),
        brotli: include_bytes!("assets/index-CYFxXQGF.js.br"),
    },
    File {
        path: "/assets/index-ERF241eo.css",
        content_type: "text/css; charset=utf-8",
        tag: "9800d1d77686a311",
        bytes: include_bytes!("assets/index-ERF241eo.css"),
        brotli: include_bytes!("assets/index-ERF241eo.css.br"),
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
        tag: "033910281057f5d6",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
