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
        path: "/assets/index-9xSSi-Mj.css",
        content_type: "text/css; charset=utf-8",
        tag: "1cebfa05d1993ac4",
        bytes: include_bytes!("assets/index-9xSSi-Mj.css"),
        brotli: include_bytes!("assets/index-9xSSi-Mj.css.br"),
    },
    File {
        path: "/assets/index-BSON7wzv.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "defb541bc71f38e4",
        bytes: include_bytes!("assets/index-BSON7wzv.js"),
        brotli: include_bytes!("assets/index-BSON7wzv.js.br"),
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
        tag: "36d54ff83a8ba05f",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
