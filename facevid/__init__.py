"""Edit facial attributes in video with a latent transformer (Yao, Newson, Gousseau, Hellier, ICCV 2021)."""
